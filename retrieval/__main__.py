"""`python -m retrieval`: threads first, then the command line."""

from retrieval.threads import settle

settle()

from retrieval.cli import main  # noqa: E402  (numpy and torch must not be imported before `settle`)

if __name__ == "__main__":
    raise SystemExit(main())
