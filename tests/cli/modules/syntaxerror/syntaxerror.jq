nothing;
