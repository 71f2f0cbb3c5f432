use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "pg_catalog.customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
}

fn main() {}
