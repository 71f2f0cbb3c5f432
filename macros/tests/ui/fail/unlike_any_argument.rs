use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, colour = "red")]
struct Contact {
    id: String,
}

fn main() {}
