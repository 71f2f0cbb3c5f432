"""Stripe's library for Python signs and verifies what webhooks bring: prints what came of it as JSON.

    sign.py CASES

CASES is a list of {"payload", "secret", "timestamp", "header"}. The timestamp is what theirs is signed with, and
"header" is verified, however old it is.
"""

import json
import sys

import stripe
from stripe import WebhookSignature


def verified(case):
    try:
        WebhookSignature.verify_header(case["payload"], case["header"], case["secret"], None)
        return "verified"
    except stripe.SignatureVerificationError:
        return "refused"


def answer(case):
    header = WebhookSignature.generate_signature_header(case["payload"], case["secret"], case["timestamp"])
    return {"header": header, "verified": verified(case)}


print(json.dumps([answer(case) for case in json.loads(sys.argv[1])]))
