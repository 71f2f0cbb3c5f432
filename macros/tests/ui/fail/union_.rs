use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
union Contact {
    id: u8,
}

fn main() {}
