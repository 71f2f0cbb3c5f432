use stripe_store::resources::Customer;
use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(base)]
    customer: Customer,
}

fn main() {}
