use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, crate = 7)]
struct Contact {
    id: String,
}

fn main() {}
