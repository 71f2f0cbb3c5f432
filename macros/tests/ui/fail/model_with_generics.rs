use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer<T> {
    #[stripe(base)]
    customer: Stored<Customer>,
    tier: T,
}

fn main() {}
