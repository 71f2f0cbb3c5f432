use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = 7)]
struct Contact {
    id: String,
}

fn main() {}
