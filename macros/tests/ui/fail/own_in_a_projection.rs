use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, own = Columns, derive_own(Debug))]
struct AppCustomer {
    email: Option<String>,
}

fn main() {}
