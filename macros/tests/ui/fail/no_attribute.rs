use stripe_store::StripeModel;

#[derive(StripeModel)]
struct Contact {
    id: String,
}

fn main() {}
