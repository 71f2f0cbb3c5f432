use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(rename = "email")]
    mail: Option<String>,
}

fn main() {}
