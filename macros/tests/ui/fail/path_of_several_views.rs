use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(path = "address.city")]
    city: Option<String>,
}

fn main() {}
