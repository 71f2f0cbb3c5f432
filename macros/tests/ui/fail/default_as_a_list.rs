use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(default(zero))]
    balance: i64,
}

fn main() {}
