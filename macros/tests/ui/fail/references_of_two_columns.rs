use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    #[stripe(references = "users(id, tenant)")]
    user_id: i64,
}

fn main() {}
