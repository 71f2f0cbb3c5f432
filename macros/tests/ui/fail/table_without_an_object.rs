use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
}

fn main() {}
