use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(unique, column = "mail")]
    email: Option<String>,
}

fn main() {}
