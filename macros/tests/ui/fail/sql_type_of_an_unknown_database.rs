use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    #[stripe(sql_type(postgresql = "tier", postgres = "tier", sqlite = "TEXT"))]
    tier: Tier,
}

fn main() {}
