use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object)]
struct Contact {
    id: String,
}

fn main() {}
