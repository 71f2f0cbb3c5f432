use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
enum Contact {
    Mail,
}

fn main() {}
