use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card")]
struct Card {
    #[stripe(rename = "")]
    name: String,
}

fn main() {}
