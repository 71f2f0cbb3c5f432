use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, unique)]
struct Contact {
    id: String,
}

fn main() {}
