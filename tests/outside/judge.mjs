// Stripe's library for Node, let loose on a server: prints what it made of it as JSON, as judge.py does.
//
//     node judge.mjs FOLDER ADDRESS TASK
//
// FOLDER is where the library is installed.

import { createRequire } from 'node:module';

const [folder, address, task] = process.argv.slice(2);
const Stripe = createRequire(`${folder}/`)('stripe');
const KEY = 'sk_test_12345';

function client({ key = KEY, ...options } = {}) {
  const { hostname, port } = new URL(address);
  return new Stripe(key, {
    host: hostname, port, protocol: 'http', telemetry: false, maxNetworkRetries: 0, ...options,
  });
}

const api = client();

async function ids(list) {
  const found = [];
  for await (const item of list) found.push(item.id);
  return found;
}

async function lists() {
  const services = {
    '/v1/balance_transactions': api.balanceTransactions,
    '/v1/charges': api.charges,
    '/v1/coupons': api.coupons,
    '/v1/credit_notes': api.creditNotes,
    '/v1/customers': api.customers,
    '/v1/disputes': api.disputes,
    '/v1/invoiceitems': api.invoiceItems,
    '/v1/invoices': api.invoices,
    '/v1/payment_intents': api.paymentIntents,
    '/v1/payouts': api.payouts,
    '/v1/products': api.products,
    '/v1/refunds': api.refunds,
    '/v1/setup_intents': api.setupIntents,
    '/v1/tax_rates': api.taxRates,
    '/v1/transfers': api.transfers,
  };
  const found = {};
  for (const [path, service] of Object.entries(services)) {
    const down = await ids(service.list({ limit: 7 }));
    const last = down.at(-1);
    const up = [...(await ids(service.list({ limit: 7, ending_before: last }))), last];
    found[path] = { down, up };
  }
  const subscriptions = await ids(api.subscriptions.list({ limit: 7, status: 'all' }));
  found['/v1/subscriptions'] = { down: subscriptions };
  return found;
}

async function inside() {
  const invoices = (await api.invoices.list({ limit: 100 })).data;
  const invoice = invoices.reduce((a, b) => (b.lines.data.length > a.lines.data.length ? b : a));
  const created = (await api.invoices.list({ limit: 20 })).data.at(-1).created;
  const newer = [];
  for await (const it of api.invoices.list({ created: { gt: created }, limit: 100 })) {
    newer.push([it.id, it.created]);
  }
  const customer = (await api.customers.list({ limit: 1 })).data[0].id;
  const subscription = (await api.subscriptions.list({ limit: 1, expand: ['data.customer'] })).data[0];
  return {
    invoice: invoice.id,
    lines: await ids(api.invoices.listLineItems(invoice.id)),
    lines_below: await ids(api.invoices.listLineItems(invoice.id, { limit: 3 })),
    newer,
    created,
    customer,
    charges: await ids(api.charges.list({ customer, limit: 2 })),
    searched: await ids(api.customers.search({ query: "name:'x'", limit: 9 })),
    expanded: subscription.customer.object === 'customer' ? 'Customer' : 'str',
    by_url: await ids(api.v2.core.eventDestinations.list({ limit: 2 })),
  };
}

async function objects() {
  const made = await api.customers.create({
    email: 'ada@example.com',
    balance: -500,
    tax_exempt: 'exempt',
    metadata: { tier: 'gold', 'a b': 'é&=' },
    address: { city: 'London', country: 'GB' },
    shipping: { name: 'Ada', address: { line1: '1 Way' } },
    preferred_locales: ['en', 'de'],
  });
  const changed = await api.customers.update(made.id, {
    metadata: { tier: '', new: '1' }, address: { city: 'Paris' }, phone: '',
  });
  const read = await api.customers.retrieve(made.id);
  const product = await api.products.create({ name: 'Gold' });
  const price = await api.prices.create({
    currency: 'usd', unit_amount: 1000, product: product.id, recurring: { interval: 'month' },
  });
  const subscription = await api.subscriptions.create({
    customer: made.id,
    items: [{ price: price.id, quantity: 3 }],
    cancel_at_period_end: true,
    expand: ['customer'],
  });
  const item = subscription.items.data[0];
  const items = await ids(api.subscriptionItems.list({ subscription: subscription.id }));
  const canceled = await api.subscriptions.cancel(subscription.id);
  const intent = await api.paymentIntents.create({
    amount: 2000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true,
  });
  const card = await api.paymentMethods.attach('pm_card_visa', { customer: made.id });
  const coupon = await api.coupons.create({ id: 'ten', percent_off: 12.5, duration: 'forever' });
  const expanded = await api.prices.retrieve(price.id, { expand: ['product'] });
  const deleted = await api.customers.del(made.id);
  const after = await api.customers.retrieve(made.id);
  const type = { number: 'int', string: 'str' };
  const view = (it, name) => (it.object === name.toLowerCase() ? name : 'str');
  return {
    made,
    changed,
    read,
    price: [type[typeof price.unit_amount], price.recurring.interval, price.active],
    subscription: [
      subscription.status,
      view(subscription.customer, 'Customer'),
      subscription.cancel_at_period_end,
      item.quantity,
      view(item.price, 'Price'),
      item.price.id === price.id,
      items.length === 1 && items[0] === item.id,
    ],
    canceled: [canceled.status, (await api.subscriptions.retrieve(subscription.id)).status],
    intent: [intent.status, intent.amount],
    card: [card.customer === made.id, card.type],
    coupon: [coupon.id, coupon.percent_off],
    expanded: [view(expanded.product, 'Product'), expanded.product.name],
    deleted: [deleted.id === made.id, deleted.deleted],
    after,
    request_id: made.lastResponse.requestId,
    version: made.lastResponse.headers['stripe-version'],
    sdk_version: made.lastResponse.apiVersion,
  };
}

async function said(call) {
  try {
    await call();
  } catch (error) {
    return {
      class: error.type?.replace(/^Stripe/, '') ?? String(error),
      status: error.statusCode,
      code: error.code ?? null,
      param: error.param ?? null,
      message: error.message,
      decline_code: error.decline_code ?? null,
      has_request_id: (error.requestId ?? '').startsWith('req_'),
    };
  }
  return 'no error';
}

async function errors() {
  const once = { idempotencyKey: 'once' };
  await api.customers.create({ name: '1' }, once);
  const again = await api.customers.create({ name: '1' }, once);
  return {
    missing: await said(() => api.customers.retrieve('cus_none')),
    key: await said(() => client({ key: 'nonsense' }).customers.list()),
    required: await said(() => api.prices.create({ unit_amount: 5 })),
    limit: await said(() => api.customers.list({ limit: 101 })),
    cursor: await said(() => api.customers.list({ starting_after: 'cus_none' })),
    expand: await said(() => api.customers.list({ expand: ['data.nothing'] })),
    path: await said(() => api.rawRequest('GET', '/v1/nothing')),
    idempotency: await said(() => api.customers.create({ name: '2' }, once)),
    declined: await said(() => api.paymentIntents.create({
      amount: 5, currency: 'usd', payment_method: 'pm_card_chargeDeclined', confirm: true,
    })),
    again: again.lastResponse.headers['idempotent-replayed'],
  };
}

async function fault() {
  return { said: await said(() => api.customers.create({ name: '1' })) };
}

async function retried() {
  const patient = client({ maxNetworkRetries: 2 });
  const made = await patient.customers.create({ name: '1' }, { stripeAccount: 'acct_1' });
  return { id: made.id };
}

const tasks = { lists, inside, objects, errors, fault, retried };
const found = JSON.stringify(await tasks[task]());
// Without waiting for the connection of an answer that was not read, because the call was made again.
process.stdout.write(`${found}\n`, () => process.exit(0));
