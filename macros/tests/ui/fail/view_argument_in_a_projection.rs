use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, view = Other)]
struct Contact {
    id: String,
}

fn main() {}
