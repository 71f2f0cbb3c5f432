use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app.stripe_objects")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
}

fn main() {}
