use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, crate = "my crate")]
struct Contact {
    id: String,
}

fn main() {}
