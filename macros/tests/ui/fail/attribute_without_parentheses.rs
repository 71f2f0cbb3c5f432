use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe]
struct Contact {
    id: String,
}

fn main() {}
