use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
}

fn main() {}
