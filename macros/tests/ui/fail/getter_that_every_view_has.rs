use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card")]
struct Card {
    data: String,
}

fn main() {}
