use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    größe: i64,
}

fn main() {}
