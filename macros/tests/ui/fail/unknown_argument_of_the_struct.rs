use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(objekt = Customer)]
struct Contact {
    id: String,
}

fn main() {}
