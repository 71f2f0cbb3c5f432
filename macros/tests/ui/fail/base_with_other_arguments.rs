use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base, unique, column = "customer")]
    customer: Stored<Customer>,
}

fn main() {}
