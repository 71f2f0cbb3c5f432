use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(path = "Email")]
    email: Option<String>,
}

fn main() {}
