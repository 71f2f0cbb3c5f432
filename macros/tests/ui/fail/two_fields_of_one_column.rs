use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    user_id: i64,
    #[stripe(column = "user_id")]
    owner: i64,
}

fn main() {}
