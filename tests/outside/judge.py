"""Stripe's library for Python, let loose on a server: prints what it made of it as JSON.

    judge.py ADDRESS TASK
"""

import json
import sys

import stripe

KEY = "sk_test_12345"


def client(address, **options):
    return stripe.StripeClient(
        options.pop("key", KEY),
        base_addresses={"api": address, "files": address, "meter_events": address},
        **{"max_network_retries": 0, **options},
    )


def ids(page):
    return [item.id for item in page.auto_paging_iter()]


def lists(api):
    """Every list that the server was filled with, page by page."""
    v1 = api.v1
    services = {
        "/v1/balance_transactions": v1.balance_transactions,
        "/v1/charges": v1.charges,
        "/v1/coupons": v1.coupons,
        "/v1/credit_notes": v1.credit_notes,
        "/v1/customers": v1.customers,
        "/v1/disputes": v1.disputes,
        "/v1/invoiceitems": v1.invoice_items,
        "/v1/invoices": v1.invoices,
        "/v1/payment_intents": v1.payment_intents,
        "/v1/payouts": v1.payouts,
        "/v1/products": v1.products,
        "/v1/refunds": v1.refunds,
        "/v1/setup_intents": v1.setup_intents,
        "/v1/tax_rates": v1.tax_rates,
        "/v1/transfers": v1.transfers,
    }
    found = {}
    for path, service in services.items():
        down = ids(service.list({"limit": 7}))
        # From the oldest to the newest, as the library turns the pages round.
        up = ids(service.list({"limit": 7, "ending_before": down[-1]})) + [down[-1]]
        found[path] = {"down": down, "up": up}
    found["/v1/subscriptions"] = {"down": ids(v1.subscriptions.list({"limit": 7, "status": "all"}))}
    return found


def inside(api):
    """What is listed inside objects, and below them; filters, ranges, searches."""
    v1 = api.v1
    invoice = max(v1.invoices.list({"limit": 100}).data, key=lambda it: len(it.lines.data))
    created = v1.invoices.list({"limit": 20}).data[-1].created
    newer = v1.invoices.list({"created": {"gt": created}, "limit": 100})
    customer = v1.customers.list({"limit": 1}).data[0].id
    subscription = v1.subscriptions.list({"limit": 1, "expand": ["data.customer"]}).data[0]
    return {
        "invoice": invoice.id,
        "lines": ids(invoice.lines),
        "lines_below": ids(v1.invoices.line_items.list(invoice.id, {"limit": 3})),
        "newer": [[it.id, it.created] for it in newer.auto_paging_iter()],
        "created": created,
        "customer": customer,
        "charges": ids(v1.charges.list({"customer": customer, "limit": 2})),
        "searched": [it.id for it in v1.customers.search({"query": "name:'x'", "limit": 9}).auto_paging_iter()],
        "expanded": type(subscription.customer).__name__,
        "by_url": ids(api.v2.core.event_destinations.list({"limit": 2})),
    }


def objects(api):
    """Objects made, changed, read and deleted."""
    v1 = api.v1
    made = v1.customers.create(
        {
            "email": "ada@example.com",
            "balance": -500,
            "tax_exempt": "exempt",
            "metadata": {"tier": "gold", "a b": "é&="},
            "address": {"city": "London", "country": "GB"},
            "shipping": {"name": "Ada", "address": {"line1": "1 Way"}},
            "preferred_locales": ["en", "de"],
        }
    )
    changed = v1.customers.update(
        made.id, {"metadata": {"tier": "", "new": "1"}, "address": {"city": "Paris"}, "phone": ""}
    )
    read = v1.customers.retrieve(made.id)
    product = v1.products.create({"name": "Gold"})
    price = v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1000,
            "product": product.id,
            "recurring": {"interval": "month"},
        }
    )
    subscription = v1.subscriptions.create(
        {
            "customer": made.id,
            "items": [{"price": price.id, "quantity": 3}],
            "cancel_at_period_end": True,
            "expand": ["customer"],
        }
    )
    item = subscription["items"].data[0]
    items = ids(v1.subscription_items.list({"subscription": subscription.id}))
    canceled = v1.subscriptions.cancel(subscription.id)
    intent = v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    card = v1.payment_methods.attach("pm_card_visa", {"customer": made.id})
    coupon = v1.coupons.create({"id": "ten", "percent_off": 12.5, "duration": "forever"})
    expanded = v1.prices.retrieve(price.id, {"expand": ["product"]})
    deleted = v1.customers.delete(made.id)
    after = v1.customers.retrieve(made.id)
    return {
        "made": made.to_dict(),
        "changed": changed.to_dict(),
        "read": read.to_dict(),
        "price": [type(price.unit_amount).__name__, price.recurring.interval, price.active],
        "subscription": [
            subscription.status,
            type(subscription.customer).__name__,
            subscription.cancel_at_period_end,
            item.quantity,
            type(item.price).__name__,
            item.price.id == price.id,
            items == [item.id],
        ],
        "canceled": [canceled.status, v1.subscriptions.retrieve(subscription.id).status],
        "intent": [intent.status, intent.amount],
        "card": [card.customer == made.id, card.type],
        "coupon": [coupon.id, coupon.percent_off],
        "expanded": [type(expanded.product).__name__, expanded.product.name],
        "deleted": [deleted.id == made.id, deleted.deleted],
        "after": after.to_dict(),
        "request_id": made.last_response.request_id,
        "version": made.last_response.headers.get("stripe-version"),
        "sdk_version": stripe.api_version,
    }


def said(call):
    """An error, as a program that catches it sees it."""
    try:
        call()
    except stripe.StripeError as error:
        return {
            "class": type(error).__name__,
            "status": error.http_status,
            "code": error.code,
            "param": getattr(error, "param", None),
            "message": error.user_message,
            "decline_code": getattr(error.error, "decline_code", None),
            "has_request_id": (error.request_id or "").startswith("req_"),
        }
    return "no error"


def errors(api, address):
    v1 = api.v1
    once = {"idempotency_key": "once"}
    v1.customers.create({"name": "1"}, once)
    return {
        "missing": said(lambda: v1.customers.retrieve("cus_none")),
        "key": said(lambda: client(address, key="nonsense").v1.customers.list()),
        "required": said(lambda: v1.prices.create({"unit_amount": 5})),
        "limit": said(lambda: v1.customers.list({"limit": 101})),
        "cursor": said(lambda: v1.customers.list({"starting_after": "cus_none"})),
        "expand": said(lambda: v1.customers.list({"expand": ["data.nothing"]})),
        "path": said(lambda: api.raw_request("get", "/v1/nothing")),
        "idempotency": said(lambda: v1.customers.create({"name": "2"}, once)),
        "declined": said(
            lambda: v1.payment_intents.create(
                {
                    "amount": 5,
                    "currency": "usd",
                    "payment_method": "pm_card_chargeDeclined",
                    "confirm": True,
                }
            )
        ),
        "again": v1.customers.create({"name": "1"}, once).last_response.headers.get("idempotent-replayed"),
    }


def fault(api):
    """One call, for which the server has something in store."""
    return {"said": said(lambda: api.v1.customers.create({"name": "1"}))}


def retried(address):
    api = client(address, max_network_retries=2)
    made = api.v1.customers.create({"name": "1"}, {"stripe_account": "acct_1"})
    return {"id": made.id}


def main():
    address, task = sys.argv[1:3]
    api = client(address)
    tasks = {
        "lists": lambda: lists(api),
        "inside": lambda: inside(api),
        "objects": lambda: objects(api),
        "errors": lambda: errors(api, address),
        "fault": lambda: fault(api),
        "retried": lambda: retried(address),
    }
    print(json.dumps(tasks[task](), default=str))


main()
