"""What the tests stand on: real servers, fakes, builders of documents, adapters' harnesses."""
