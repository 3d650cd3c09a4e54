"""`python -m api` is `omnistock`."""

from api.cli import main

if __name__ == "__main__":
    main()
