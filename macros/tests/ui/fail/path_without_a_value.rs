use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(path)]
    email: Option<String>,
}

fn main() {}
