use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(crate = "::stripe_store")]
struct Contact {
    id: String,
}

fn main() {}
