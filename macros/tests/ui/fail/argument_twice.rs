use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, object = Customer)]
struct Contact {
    id: String,
}

fn main() {}
