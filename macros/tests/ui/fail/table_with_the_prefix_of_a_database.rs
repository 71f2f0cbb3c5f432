use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "sqlite_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
}

fn main() {}
