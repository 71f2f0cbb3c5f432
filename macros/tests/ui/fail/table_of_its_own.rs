use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct Contact {
    id: String,
}

fn main() {}
