"""Choose, adapt and ship the pre-trained text model that fits your data and your budget."""
