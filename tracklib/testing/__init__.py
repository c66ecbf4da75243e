"""For tests of training code and of backends."""
