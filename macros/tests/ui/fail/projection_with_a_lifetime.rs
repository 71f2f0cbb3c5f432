use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact<'a> {
    id: &'a str,
}

fn main() {}
