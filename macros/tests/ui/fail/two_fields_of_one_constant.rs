use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    tier: i64,
    #[stripe(column = "other_tier")]
    tier_: i64,
}

fn main() {}
