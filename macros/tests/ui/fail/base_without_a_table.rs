use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
}

fn main() {}
