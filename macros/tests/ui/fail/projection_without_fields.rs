use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {

}

fn main() {}
