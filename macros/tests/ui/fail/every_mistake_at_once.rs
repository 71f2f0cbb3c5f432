use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, view = Other, colour = "red")]
struct Contact {
    #[stripe(pth = "email")]
    mail: String,
    #[stripe(path = "address.city")]
    city: String,
}

fn main() {}
