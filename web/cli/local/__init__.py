"""The supervisor behind `make run`: embedded servers, and the processes beside them."""
