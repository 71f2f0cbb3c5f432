// Stripe's library for Node signs and verifies what webhooks bring: prints what came of it as JSON, as sign.py does.
//
//     node sign.mjs FOLDER CASES
//
// FOLDER is where the library is installed.

import { createRequire } from 'node:module';

const [folder, cases] = process.argv.slice(2);
const Stripe = createRequire(`${folder}/`)('stripe');
const webhooks = new Stripe('sk_test_12345').webhooks;

function verified({ payload, header, secret }) {
  try {
    webhooks.signature.verifyHeader(payload, header, secret, Number.MAX_SAFE_INTEGER);
    return 'verified';
  } catch (error) {
    if (error.type !== 'StripeSignatureVerificationError') throw error;
    return 'refused';
  }
}

function answer(given) {
  const { payload, secret, timestamp } = given;
  const header = webhooks.generateTestHeaderString({ payload, secret, timestamp });
  return { header, verified: verified(given) };
}

console.log(JSON.stringify(JSON.parse(cases).map(answer)));
