use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    #[stripe(sql_type(postgres = 1, sqlite))]
    tier: Tier,
}

fn main() {}
