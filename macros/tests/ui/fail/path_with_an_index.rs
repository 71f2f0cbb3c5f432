use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct Contact {
    #[stripe(path = "tax_ids.data.0.value")]
    tax_id: Option<String>,
}

fn main() {}
